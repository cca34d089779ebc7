import type { Claims } from './claims';
import type { Report } from './report';

/** One number, recomputed here and claimed by the server; `null` where one side has none. */
export interface Line {
	number: number;
	recomputed: bigint | null;
	claimed: bigint | null;
	equal: boolean;
}

export interface Comparison {
	epochs: Line[];
	work: Line;
	settlements: Line[];
	accruals: Line[];
	conclusions: Line[];
	sats: Line;
	equal: boolean;
}

/**
 * The server's claims next to the report, to be shown. The verifier itself judges each claim it is given; what only
 * this can see is a number that the server left out. Claims are asked before the evidence is fetched, so what the report has
 * beyond the last claim is merely newer and left out; a claim that the signed log does not cover yet is left out too.
 * Everything between must be equal to the last hash and the last satoshi.
 */
export function compare(report: Report, claims: Claims): Comparison {
	const lastEpoch = Math.min(report.epochs?.last ?? 0, largest(claims.epochs.map((claim) => claim.epoch)));
	const epochs = lines(
		report.contract?.epochs.map((row) => [row.epoch, BigInt(row.work)]),
		claims.epochs.map((row) => [row.epoch, BigInt(row.work)]),
		lastEpoch
	);
	const settlements = lines(
		report.contract?.settlements.map((row) => [row.settlement, BigInt(row.credit_sats)]),
		claims.credits.map((row) => [row.settlement, BigInt(row.credit_sats)]),
		largest(claims.credits.map((claim) => claim.settlement))
	);
	const accruals = lines(
		report.contract?.accruals.map((row) => [row.accrual, BigInt(row.credit_sats)]),
		claims.accruals.map((row) => [row.accrual, BigInt(row.credit_sats)]),
		largest(claims.accruals.map((claim) => claim.accrual))
	);
	const conclusions = lines(
		report.contract?.conclusions.map((row) => [row.conclusion, BigInt(row.credit_sats)]),
		claims.conclusions.map((row) => [row.conclusion, BigInt(row.credit_sats)]),
		largest(claims.conclusions.map((claim) => claim.conclusion))
	);
	const credits = [...settlements, ...accruals, ...conclusions];
	const equal = [...epochs, ...credits].every((line) => line.equal);
	return { epochs, work: sum(epochs), settlements, accruals, conclusions, sats: sum(credits), equal };
}

type Row = [number: number, value: bigint];

function lines(recomputed: Row[] = [], claimed: Row[], upTo: number): Line[] {
	const ours = new Map(recomputed);
	const theirs = new Map(claimed);
	const numbers = [...new Set([...ours.keys(), ...theirs.keys()])].filter((number) => number <= upTo);
	return numbers
		.sort((a, b) => a - b)
		.map((number) => line(number, ours.get(number) ?? null, theirs.get(number) ?? null));
}

function line(number: number, recomputed: bigint | null, claimed: bigint | null): Line {
	return { number, recomputed, claimed, equal: recomputed === claimed };
}

function sum(parts: Line[]): Line {
	const total = (side: 'recomputed' | 'claimed') => parts.reduce((all, part) => all + (part[side] ?? 0n), 0n);
	return line(parts.length, total('recomputed'), total('claimed'));
}

function largest(numbers: number[]): number {
	return numbers.reduce((a, b) => Math.max(a, b), 0);
}
