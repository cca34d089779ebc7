import { api, askAll } from '$lib/api/client';
import type { ContractEpoch, Credit } from '$lib/api/types';

/** What the server says it did for one contract. */
export interface Claims {
	epochs: Pick<ContractEpoch, 'epoch' | 'work'>[];
	credits: { settlement: number; credit_sats: number }[];
	accruals: { accrual: number; credit_sats: number }[];
	conclusions: { conclusion: number; credit_sats: number }[];
}

/** The same as the API lists it. */
export interface Listed {
	epochs: ContractEpoch[];
	credits: Credit[];
}

/** Everything the server claims about a contract at this moment, by the id of the contract in the API. */
export async function loadClaims(id: string): Promise<Listed> {
	const path = { id };
	const [epochs, credits] = await Promise.all([
		askAll((cursor) => api.GET('/api/v1/contracts/{id}/epochs', { params: { path, query: { cursor } } })),
		askAll((cursor) => api.GET('/api/v1/contracts/{id}/credits', { params: { path, query: { cursor } } }))
	]);
	return { epochs, credits };
}

/** The claims in the shape that the verifier reads, which knows no other fields. */
export function claimsOnly({ epochs, credits }: Listed): Claims {
	return {
		epochs: epochs.map(({ epoch, work }) => ({ epoch, work })),
		credits: credits.flatMap(({ settlement, credit_sats }) => (settlement == null ? [] : [{ settlement, credit_sats }])),
		accruals: credits.flatMap(({ accrual, credit_sats }) => (accrual == null ? [] : [{ accrual, credit_sats }])),
		conclusions: credits.flatMap(({ conclusion, credit_sats }) => (conclusion == null ? [] : [{ conclusion, credit_sats }]))
	};
}
