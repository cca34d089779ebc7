import { api, ask } from '$lib/api/client';
import { toProblem, type Problem } from '$lib/api/problem';
import type { Addresses, ListedAddress } from '$lib/api/types';
import { isUsable } from './addresses';
import { session } from './session.svelte';

/** How often the clock is looked at. */
const TICK_MS = 1_000;

/** An address to be added, with the password that allows it. */
interface NewAddress {
	address: string;
	label: string;
	password: string;
}

/** Whom the account may be paid to, and since when, by the server's clock. */
export class AddressList {
	/** Oldest first; `undefined` until it is loaded. */
	listed = $state.raw<ListedAddress[]>();
	/** What is no longer on it. */
	removed = $state.raw<ListedAddress[]>([]);
	/** How long an address waits that is added now. */
	holdMs = $state(0);
	/** The server's clock at the last look. */
	nowMs = $state(0);
	problem = $state.raw<Problem>();

	/** What the server's clock is ahead of this one. */
	#aheadMs = 0;

	constructor(
		readonly asking: () => Promise<Addresses> = askServer,
		readonly now: () => number = Date.now
	) {}

	get usable(): ListedAddress[] {
		return (this.listed ?? []).filter((address) => isUsable(address, this.nowMs));
	}

	get held(): ListedAddress[] {
		return (this.listed ?? []).filter((address) => !isUsable(address, this.nowMs));
	}

	/** Loads the list and follows the clock until the returned function is called. */
	watch(): () => void {
		void this.load();
		const clock = setInterval(() => this.tick(), TICK_MS);
		return () => clearInterval(clock);
	}

	/** Asks the server; an error is kept in `problem`, an older list stays. */
	async load(): Promise<void> {
		try {
			const list = await this.asking();
			this.#aheadMs = list.now_ms - this.now();
			this.listed = list.listed;
			this.removed = list.removed;
			this.holdMs = list.hold_ms;
			this.problem = undefined;
			this.tick();
		} catch (thrown) {
			this.problem = toProblem(thrown);
			session.heed(this.problem);
		}
	}

	/** Looks at the clock: an address whose hold is over can be used. */
	tick(): void {
		this.nowMs = this.now() + this.#aheadMs;
	}

	/** Throws `Problem` when it is refused. */
	async add(address: NewAddress): Promise<ListedAddress> {
		const added = await ask(api.POST('/api/v1/account/addresses', { body: address }));
		await this.load();
		return added;
	}

	/** Throws `Problem` when it is refused. */
	async remove(address: string): Promise<void> {
		await ask(api.DELETE('/api/v1/account/addresses/{address}', { params: { path: { address } } }));
		await this.load();
	}
}

function askServer(): Promise<Addresses> {
	return ask(api.GET('/api/v1/account/addresses'));
}
