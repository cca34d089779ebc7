import type { ContractPayout } from '$lib/api/types';
import { plural } from '$lib/format/number';

type Position = Pick<ContractPayout, 'state' | 'block_height'>;

/** How far a payout has come, in words. `tip` is the height of the chain, `finalDepth` the depth at which it is logged. */
export function stageOf({ state, block_height }: Position, tip: number | undefined, finalDepth: number | undefined): string {
	switch (state) {
		case 'planned':
			return 'Waits to be signed';
		case 'sent':
			return 'Waits for a block';
		case 'logged':
			return 'Paid, in the public log';
		case 'confirmed': {
			if (tip === undefined || block_height == null) return 'In a block';
			const depth = Math.max(1, tip - block_height + 1);
			return finalDepth === undefined || depth >= finalDepth
				? `${plural(depth, 'block')} deep`
				: `${depth} of ${plural(finalDepth, 'block')} deep`;
		}
	}
}

/** What is being paid but not in the log yet. */
export function underWay(payouts: Pick<ContractPayout, 'state' | 'sats'>[]): number {
	return payouts.filter(({ state }) => state !== 'logged').reduce((sum, { sats }) => sum + sats, 0);
}
