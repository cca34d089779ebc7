import type { Depth } from './depth';

/** The verifier's report (format 1), as `verifier-wasm` and `provenhash-audit --json` write it. */
export interface Report {
	format: 1;
	origin: string;
	tree_size: number;
	root: string;
	/** The policy's witnesses that cosigned this head, and when each says that it saw it. */
	cosigned: Cosigned[];
	epochs: { first: number; last: number } | null;
	depth: Depth;
	/** Best hashes: an estimate of all work that needs no trust in its division into shares. `null` where there are too few. */
	estimate: Estimate | null;
	/** Only in depth `sampled`. */
	sampling: Sampling | null;
	held: boolean;
	checks: Check[];
	totals: Totals;
	contract: ContractReport | null;
}

export interface Cosigned {
	witness: string;
	/** Seconds, by the witness's own clock. */
	time_s: number;
}

/** `not_bound`: holds for the public id, but not for a certain buyer. `not_checked`: an earlier failure left nothing to check. */
export type Outcome = 'held' | 'failed' | 'not_applicable' | 'not_bound' | 'not_checked';

export interface Check {
	id: string;
	/** What was checked, in plain words. */
	sentence: string;
	outcome: Outcome;
	detail: string;
	/** The first failure. */
	place: Place | null;
	/** The first twenty failures, `place` included. */
	failures: Place[];
	/** All failures, also those that were only counted. */
	failure_count: number;
}

/** Where a check failed, with what should be there and what is. */
export interface Place {
	file: string;
	index: number | null;
	expected: string;
	found: string;
}

export interface Estimate {
	/** How many of the best hashes it was made from. */
	k: number;
	work: string;
	/** The work that the log claims in the same range. */
	claimed: string;
	/** One standard deviation. */
	error_ppm: number;
}

export interface Sampling {
	/** Draws; a piece may be drawn twice. */
	samples: number;
	/** Different pieces drawn, and the shares in them. */
	chunks: number;
	shares: number;
	/** The chance that these draws would have met a lie about one hundredth of the work. */
	confidence_ppm: number;
	/** Draws in all that make this chance 99.9 %. */
	samples_for_999: number;
	/** What the draws depended on. */
	seed: string;
}

export interface Totals {
	epochs: number;
	shares: number;
	work: string;
	blocks: number;
	reward_sats: number;
	credits_sats: number;
	/** Owed to all contracts at the log's end. */
	unpaid_sats: number;
	/** What the coins of the newest list of liabilities are worth. */
	coins_sats: number;
}

export interface ContractReport {
	id: string;
	/** Whether nonce and details were given, so that the public entry is proven to be this buyer's. */
	bound: boolean;
	units_hs: string;
	work: string;
	promised_work: string;
	/** `null` while nothing is due. */
	delivered_ppm: number | null;
	credited_sats: number;
	/** What of it is paid out in logged payouts. */
	paid_sats: number;
	/** What of it is owed at the log's end. */
	unpaid_sats: number;
	epochs: { epoch: number; work: string }[];
	settlements: { settlement: number; credit_sats: number }[];
	accruals: { accrual: number; credit_sats: number }[];
	/** What was credited when its life had ended. */
	conclusions: { conclusion: number; credit_sats: number }[];
}

/** How far the verifier is. */
export interface Progress {
	stage: 'log' | 'epoch' | 'settlement';
	epoch: number;
	epochs: number;
	shares: number;
	shares_total: number;
	bytes: number;
}

export const OUTCOME_TEXT: Record<Outcome, string> = {
	held: 'Held',
	failed: 'Failed',
	not_applicable: 'Not applicable',
	not_bound: 'Not bound',
	not_checked: 'Not checked'
};

/** Reads a report. Throws an Error when it is of a format this page does not know. */
export function parseReport(json: string): Report {
	const report = JSON.parse(json) as Report;
	if (report.format !== 1) throw new Error(`The report has format ${String(report.format)}; this page knows format 1. Reload the page.`);
	return report;
}

/** How many checks came out how. */
export function countOutcomes(checks: Check[]): Record<Outcome, number> {
	const counts: Record<Outcome, number> = { held: 0, failed: 0, not_applicable: 0, not_bound: 0, not_checked: 0 };
	for (const check of checks) counts[check.outcome] += 1;
	return counts;
}

/** Progress of the whole audit from 0 to 1: the log first, then mostly shares, settlements last. */
export function fractionDone(progress: Progress | null): number {
	if (progress === null || progress.stage === 'log') return 0.02;
	if (progress.stage === 'settlement') return 0.97;
	const total = progress.shares_total > 0 ? progress.shares_total : progress.epochs;
	const done = progress.shares_total > 0 ? progress.shares : progress.epoch;
	return total > 0 ? 0.05 + 0.9 * Math.min(1, done / total) : 0.05;
}
