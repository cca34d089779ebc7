import { api, ask } from '$lib/api/client';
import { toProblem, type Problem } from '$lib/api/problem';
import type { Contract, ContractEpoch, Credit } from '$lib/api/types';
import { loadClaims } from '$lib/verifier/claims';

/** One contract and what the server claims about it, asked again as often as `load` is called. */
export class LiveContract {
	contract = $state.raw<Contract>();
	epochs = $state.raw<ContractEpoch[]>([]);
	credits = $state.raw<Credit[]>([]);
	problem = $state.raw<Problem>();

	#last = '';

	constructor(readonly id: string) {}

	/** Resolves to whether anything changed; an error is kept in `problem`, older data stays. */
	async load(): Promise<boolean> {
		try {
			const path = { id: this.id };
			this.contract = await ask(api.GET('/api/v1/contracts/{id}', { params: { path } }));
			if (this.contract.contract_id) {
				const { epochs, credits } = await loadClaims(this.id);
				this.epochs = epochs;
				this.credits = credits;
			}
			this.problem = undefined;
			return this.#changed();
		} catch (thrown) {
			this.problem = toProblem(thrown);
			return false;
		}
	}

	#changed(): boolean {
		const now = JSON.stringify([this.contract, this.epochs.length, this.credits.length]);
		const changed = now !== this.#last;
		this.#last = now;
		return changed;
	}
}
