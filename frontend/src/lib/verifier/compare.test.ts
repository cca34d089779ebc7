import { expect, it } from 'vitest';
import type { Claims } from './claims';
import { compare } from './compare';
import type { Report } from './report';

const report = {
	epochs: { first: 1, last: 3 },
	contract: {
		epochs: [
			{ epoch: 1, work: '9007199254740993' },
			{ epoch: 2, work: '5' }
		],
		settlements: [{ settlement: 1, credit_sats: 40 }],
		accruals: [{ accrual: 1, credit_sats: 2 }],
		conclusions: [{ conclusion: 3, credit_sats: 5 }]
	}
} as Report;

function claims(works: [number, string][], credits: [number, number][] = [[1, 40]], accrued = 2, concluded = 5): Claims {
	return {
		epochs: works.map(([epoch, work]) => ({ epoch, work })),
		credits: credits.map(([settlement, credit_sats]) => ({ settlement, credit_sats })),
		accruals: [{ accrual: 1, credit_sats: accrued }],
		conclusions: [{ conclusion: 3, credit_sats: concluded }]
	};
}

const honest: [number, string][] = [
	[1, '9007199254740993'],
	[2, '5']
];

it('equal claims are equal, with exact sums', () => {
	const result = compare(report, claims(honest));
	expect(result.equal).toBe(true);
	expect(result.work.recomputed).toBe(9007199254740998n);
	expect(result.sats.claimed).toBe(47n);
});

it('one hash too many, beyond what a float holds, differs', () => {
	const result = compare(report, claims([[1, '9007199254740994'], honest[1]!]));
	expect(result.epochs.map((line) => line.equal)).toEqual([false, true]);
	expect(result.equal).toBe(false);
});

it('one satoshi too many differs', () => expect(compare(report, claims(honest, [[1, 41]])).equal).toBe(false));

it('one satoshi too many in an accrual differs', () =>
	expect(compare(report, claims(honest, [[1, 40]], 3)).equal).toBe(false));

it('one satoshi too many in a conclusion differs', () =>
	expect(compare(report, claims(honest, [[1, 40]], 2, 6)).equal).toBe(false));

it('an epoch the server claims and the log does not have differs', () =>
	expect(compare(report, claims([...honest, [3, '1']])).equal).toBe(false));

it('an epoch the server hides in the middle differs', () =>
	expect(compare(report, claims([honest[1]!])).equal).toBe(false));

it('a settlement that the log does not have differs', () =>
	expect(compare(report, claims(honest, [[1, 40], [2, 7]])).equal).toBe(false));

it('epochs after the last claim are newer, not different', () =>
	expect(compare(report, claims([honest[0]!])).epochs).toHaveLength(1));

it('a claim that the signed log does not cover yet is not compared', () =>
	expect(compare(report, claims([...honest, [4, '1']])).equal).toBe(true));
