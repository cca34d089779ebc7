import { api, ask, askAll } from '$lib/api/client';
import { Problem, toProblem } from '$lib/api/problem';
import type { Contract, ContractEpoch, ContractPayout, Credit, Invoice } from '$lib/api/types';
import { loadClaims } from '$lib/verifier/claims';

/** One contract and what the server claims about it, asked again as often as `load` is called. */
export class LiveContract {
	contract = $state.raw<Contract>();
	/** Null when there is none: the operator confirms the payment by hand. */
	invoice = $state.raw<Invoice | null>();
	epochs = $state.raw<ContractEpoch[]>([]);
	credits = $state.raw<Credit[]>([]);
	payouts = $state.raw<ContractPayout[]>([]);
	problem = $state.raw<Problem>();

	#last = '';

	constructor(readonly id: string) {}

	/** Resolves to whether anything changed; an error is kept in `problem`, older data stays. */
	async load(): Promise<boolean> {
		try {
			const path = { id: this.id };
			const contract = await ask(api.GET('/api/v1/contracts/{id}', { params: { path } }));
			// Shown together: without its invoice a contract would look as if it were paid by hand.
			this.invoice = await this.#loadInvoice();
			this.contract = contract;
			if (this.contract.contract_id) {
				const [{ epochs, credits }, payouts] = await Promise.all([loadClaims(this.id), this.#loadPayouts()]);
				this.epochs = epochs;
				this.credits = credits;
				this.payouts = payouts;
			}
			this.problem = undefined;
			return this.#changed();
		} catch (thrown) {
			this.problem = toProblem(thrown);
			return false;
		}
	}

	async #loadInvoice(): Promise<Invoice | null> {
		try {
			const path = { id: this.id };
			return await ask(api.GET('/api/v1/contracts/{id}/invoice', { params: { path } }));
		} catch (thrown) {
			if (thrown instanceof Problem && thrown.code === 'not_found') return null;
			throw thrown;
		}
	}

	#loadPayouts(): Promise<ContractPayout[]> {
		const path = { id: this.id };
		return askAll((cursor) => api.GET('/api/v1/contracts/{id}/payouts', { params: { path, query: { cursor } } }));
	}

	#changed(): boolean {
		const now = JSON.stringify([this.contract, this.invoice, this.epochs.length, this.credits.length, this.payouts]);
		const changed = now !== this.#last;
		this.#last = now;
		return changed;
	}
}
