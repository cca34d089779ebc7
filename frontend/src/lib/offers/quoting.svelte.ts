import { api, ask } from '$lib/api/client';
import { toProblem, type Problem } from '$lib/api/problem';
import type { Quote } from '$lib/api/types';
import { hold, left, type Held } from './held';

/** How long typing or sliding has to rest before a price is asked for. */
const REST_MS = 350;
/** A quote with less time than this is not shown again: there would be no time to use it. */
const USABLE_MS = 60_000;

/** Asks for a quote. */
type Ask = (offerId: string, unitsHs: string) => Promise<Quote>;

/** The price of what a form asks for: asked anew when that changes, and when it runs out. */
export class Quoting {
	held = $state.raw<Held>();
	leftMs = $state(0);
	problem = $state.raw<Problem>();
	/** What the same hashrate cost before, where that was another price. */
	before = $state<number>();

	#units: string | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#kept = new Map<string, Held>();

	constructor(
		readonly offerId: string,
		readonly asking: Ask = askServer,
		readonly now: () => number = Date.now
	) {}

	/** What is wanted, in hashes per second; `null` while that is nothing that can be bought. */
	want(units: bigint | null): void {
		const wanted = units === null ? null : String(units);
		if (wanted === this.#units) return;
		this.#units = wanted;
		this.before = undefined;
		this.problem = undefined;
		clearTimeout(this.#timer);
		this.held = wanted === null ? undefined : this.#usable(wanted);
		this.tick();
		if (wanted !== null && this.held === undefined) this.#timer = setTimeout(() => void this.renew(), REST_MS);
	}

	/** Asks for a new quote of what is wanted, whatever is held. */
	async renew(): Promise<void> {
		const [units, askedMs] = [this.#units, this.now()];
		if (units === null) return;
		clearTimeout(this.#timer);
		try {
			const held = hold(await this.asking(this.offerId, units), askedMs);
			const old = this.#kept.get(units)?.quote.price_sats;
			this.#kept.set(units, held);
			if (units !== this.#units) return;
			this.held = held;
			this.before = old === undefined || old === held.quote.price_sats ? undefined : old;
			this.problem = undefined;
		} catch (thrown) {
			if (units !== this.#units) return;
			this.held = undefined;
			this.problem = toProblem(thrown);
		}
		this.tick();
	}

	/** Looks at the clock; called every second. A quote that has run out is replaced. */
	tick(): void {
		this.leftMs = this.held ? left(this.held, this.now()) : 0;
		if (this.held === undefined || this.leftMs > 0) return;
		this.held = undefined;
		void this.renew();
	}

	/** Ends what is under way. */
	stop(): void {
		this.#units = null;
		clearTimeout(this.#timer);
	}

	#usable(units: string): Held | undefined {
		const held = this.#kept.get(units);
		return held && left(held, this.now()) > USABLE_MS ? held : undefined;
	}
}

function askServer(offerId: string, unitsHs: string): Promise<Quote> {
	return ask(api.POST('/api/v1/quotes', { body: { offer_id: offerId, units_hs: unitsHs } }));
}
