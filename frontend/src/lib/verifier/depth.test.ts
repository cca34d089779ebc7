import { expect, it } from 'vitest';
import { bytesOf, drawSeed, isLong } from './depth';

const day = { shares: 86_400, epochs: 288 };
const year = { shares: 2_000_000_000, epochs: 105_120 };

it('on a short log every depth fetches about the same', () => {
	expect(bytesOf('exact', day)).toBeGreaterThan(4_000_000);
	expect(bytesOf('exact', day)).toBeLessThan(5_000_000);
	expect(bytesOf('sampled', day)).toBeLessThan(bytesOf('exact', day));
});

it('on a long log estimate and sample are far cheaper than every share', () => {
	expect(isLong(bytesOf('exact', year))).toBe(true);
	expect(bytesOf('sampled', year)).toBeLessThan(bytesOf('exact', year) / 100);
	expect(bytesOf('estimate', year)).toBeLessThan(bytesOf('exact', year) / 3);
});

it('a log without epochs costs nothing', () =>
	expect(['exact', 'estimate', 'sampled'].map((depth) => bytesOf(depth as 'exact', { shares: 0, epochs: 0 }))).toEqual([0, 0, 0]));

it('a seed is 32 fresh bytes', () => {
	expect(drawSeed()).toMatch(/^[0-9a-f]{64}$/);
	expect(drawSeed()).not.toBe(drawSeed());
});
