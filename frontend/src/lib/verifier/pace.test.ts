import { expect, it } from 'vitest';
import { Pace } from './pace';

it('a steady pace tells rate and time left', () => {
	const pace = new Pace();
	for (let second = 0; second <= 4; second += 1) pace.see(second * 1_000, second * 500, second * 12_000);
	expect(pace.sharesPerSecond).toBe(500);
	expect(pace.bytesPerSecond).toBe(12_000);
	expect(pace.leftMs(1_000)).toBe(2_000);
});

it('only the last seconds count', () => {
	const pace = new Pace();
	for (let second = 0; second <= 60; second += 1) pace.see(second * 1_000, second < 50 ? 0 : (second - 50) * 100, 0);
	expect(pace.sharesPerSecond).toBe(100);
});

it('a moment is no ground for a forecast', () => {
	const pace = new Pace();
	pace.see(0, 0, 0);
	pace.see(1_000, 500, 0);
	expect(pace.leftMs(1)).toBeNull();
});
