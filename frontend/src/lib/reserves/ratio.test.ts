import { describe, expect, it } from 'vitest';
import { formatBacking } from './ratio';

describe('formatBacking', () => {
	it('rounds down, so that less than everything never reads as 100 %', () => {
		expect(formatBacking(99, 100)).toBe('99 %');
		expect(formatBacking(999_999_999, 1_000_000_000)).toBe('99 %');
		expect(formatBacking(2_100_000_000_000_000, 1)).toBe('210000000000000000 %');
	});

	it('is nothing when nothing is owed', () => {
		expect(formatBacking(5, 0)).toBeNull();
		expect(formatBacking(0, 5)).toBe('0 %');
	});
});
