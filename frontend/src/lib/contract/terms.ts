import type { Terms } from '$lib/api/types';
import { formatPpm } from '$lib/format/number';
import { formatRate, formatWork } from '$lib/format/work';

const HASHES_PER_TH = 1_000_000_000_000n;

type LifeTerms = Pick<Terms, 'suspension' | 'refunds_unused_time' | 'make_good_tolerance_ppm'>;

/** What a scheme is called. */
export const SCHEME_NAME: Record<Terms['scheme'], string> = {
	proportional: 'Proportional',
	pplns: 'PPLNS',
	solo: 'Solo',
	pps: 'PPS',
	fpps: 'FPPS'
};

/** How a contract under these terms earns, in one sentence. */
export function schemeSentence({ scheme, window_work }: Pick<Terms, 'scheme' | 'window_work'>): string {
	switch (scheme) {
		case 'proportional':
			return 'Each block that the pool finds is divided by the work that every contract did since the block before.';
		case 'pplns':
			return `Each block that the pool finds is divided by the work within the last ${formatWork(window_work ?? '0')} of all contracts with this window.`;
		case 'solo':
			return 'A block that is drawn for this contract is its own as a whole; of all others it gets nothing.';
		case 'pps':
			return 'Each hash is paid what it can be expected to find of the block subsidy, whether or not the pool finds a block.';
		case 'fpps':
			return 'Each hash is paid what it can be expected to find of the block subsidy and of the network’s recent fees, whether or not the pool finds a block.';
	}
}

/** What is taken from that, in one sentence. */
export function chargesSentence(terms: Pick<Terms, 'fee_ppm' | 'maintenance_sats_per_ths_day'>): string {
	const fee = `The operator keeps ${formatPpm(terms.fee_ppm)} of it`;
	const rate = terms.maintenance_sats_per_ths_day;
	if (rate == null) return `${fee}; running the machines is included in the price.`;
	const { value, per } = formatRate({ sats: BigInt(rate), perHs: HASHES_PER_TH });
	return `${fee}, and ${value} ${per} of delivered work for running the machines, but never more than is left.`;
}

/** What may become of the contract before and at its end, in sentences; none where nothing but time ends it. */
export function lifeSentences({ suspension, refunds_unused_time, make_good_tolerance_ppm }: LifeTerms): string[] {
	const pause = suspension && 'It pauses while running the machines costs more than they earn.';
	const back = refunds_unused_time && 'The operator may close it early. Time in which it was paused or cut off is paid back at its end.';
	const tolerance = make_good_tolerance_ppm ? ` beyond ${formatPpm(make_good_tolerance_ppm)}` : '';
	const missing = make_good_tolerance_ppm != null && `What is missing of the promised work${tolerance} is paid back at its end.`;
	return [pause, back, missing].filter((sentence) => typeof sentence === 'string');
}

/** What chance has to do with it, in one sentence. */
export function chanceSentence(scheme: Terms['scheme']): string {
	if (scheme === 'pps' || scheme === 'fpps')
		return 'What a hash is worth changes with the network’s difficulty: a contract can earn less than it cost.';
	if (scheme === 'solo') return 'Blocks are found by chance: most small contracts of this kind earn nothing at all.';
	return 'Blocks are found by chance: a contract can earn less than it cost, or nothing.';
}
