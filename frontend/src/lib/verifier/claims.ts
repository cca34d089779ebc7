import { api, askAll } from '$lib/api/client';
import type { ContractEpoch, Credit } from '$lib/api/types';

/** What the server says it did for one contract. */
export interface Claims {
	epochs: Pick<ContractEpoch, 'epoch' | 'work'>[];
	credits: Pick<Credit, 'settlement' | 'credit_sats'>[];
}

/** Everything the server claims about a contract at this moment, by the id of the contract in the API. */
export async function loadClaims(id: string): Promise<{ epochs: ContractEpoch[]; credits: Credit[] }> {
	const path = { id };
	const [epochs, credits] = await Promise.all([
		askAll((cursor) => api.GET('/api/v1/contracts/{id}/epochs', { params: { path, query: { cursor } } })),
		askAll((cursor) => api.GET('/api/v1/contracts/{id}/credits', { params: { path, query: { cursor } } }))
	]);
	return { epochs, credits };
}

/** The claims in the shape that the verifier reads, which knows no other fields. */
export function claimsOnly({ epochs, credits }: Claims): Claims {
	return {
		epochs: epochs.map(({ epoch, work }) => ({ epoch, work })),
		credits: credits.map(({ settlement, credit_sats }) => ({ settlement, credit_sats }))
	};
}
