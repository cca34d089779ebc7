import type { Refunds } from '$lib/api/types';

type Refund = Refunds['refunds'][number];

/** How far a refund has come, in words. */
export function stageOf({ state }: Pick<Refund, 'state'>): string {
	switch (state) {
		case 'recorded':
			return 'Sent, waits for a block';
		case 'confirmed':
			return 'In a block, not deep enough yet';
		case 'booked':
			return 'Paid back';
		case 'wrong':
			return 'Did not pay you what it should: it does not count';
		default:
			return state;
	}
}

/** Whether there is anything to say about refunds. */
export function hasAny({ owed_sats, refunds }: Pick<Refunds, 'owed_sats' | 'refunds'>): boolean {
	return owed_sats > 0 || refunds.length > 0;
}
