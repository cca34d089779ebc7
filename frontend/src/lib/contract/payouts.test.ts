import { expect, it } from 'vitest';
import { stageOf, underWay } from './payouts';

it.each([
	[100, 100, '1 of 12 blocks deep'],
	[100, 104, '5 of 12 blocks deep'],
	[100, 111, '12 blocks deep'],
	[100, 99, '1 of 12 blocks deep']
])('in block %s of a chain of %s it is %s', (block_height, tip, text) =>
	expect(stageOf({ state: 'confirmed', block_height }, tip, 12)).toBe(text)
);

it('without a node it is in a block', () =>
	expect(stageOf({ state: 'confirmed', block_height: 7 }, undefined, undefined)).toBe('In a block'));

it('what is in the log is not under way any more', () =>
	expect(underWay([{ state: 'planned', sats: 5 }, { state: 'confirmed', sats: 7 }, { state: 'logged', sats: 100 }])).toBe(12));
