import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Problem } from '$lib/api/problem';
import type { Quote } from '$lib/api/types';
import { Quoting } from './quoting.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A server whose price can be changed, and what it was asked for. */
function server() {
	const asked: string[] = [];
	const prices = { each: 1 };
	const asking = (_: string, units: string) => {
		asked.push(units);
		return Promise.resolve({ price_sats: Number(units) * prices.each, created_ms: 0, expires_ms: 900_000 } as Quote);
	};
	return { asked, prices, quoting: new Quoting('offer', asking) };
}

it('a price is asked for when typing rests, once, and again only for what is new', async () => {
	const { asked, quoting } = server();
	for (const units of [1n, 12n, 123n]) quoting.want(units);
	await vi.advanceTimersByTimeAsync(400);
	quoting.want(5n);
	await vi.advanceTimersByTimeAsync(400);
	quoting.want(123n);
	await vi.advanceTimersByTimeAsync(400);
	expect(asked).toEqual(['123', '5']);
	expect(quoting.held?.quote.price_sats).toBe(123);
});

it('a quote that has run out is replaced, and a changed price is told', async () => {
	const { asked, prices, quoting } = server();
	quoting.want(100n);
	await vi.advanceTimersByTimeAsync(400);
	prices.each = 2;
	await vi.advanceTimersByTimeAsync(900_000);
	quoting.tick();
	await vi.advanceTimersByTimeAsync(0);
	expect([asked.length, quoting.held?.quote.price_sats, quoting.before]).toEqual([2, 200, 100]);
	quoting.want(50n);
	expect(quoting.before).toBeUndefined();
});

it('an answer that comes after another wish is not shown', async () => {
	const answers: ((quote: Quote) => void)[] = [];
	const quoting = new Quoting('offer', () => new Promise((resolve) => answers.push(resolve)));
	quoting.want(1n);
	await vi.advanceTimersByTimeAsync(400);
	quoting.want(2n);
	answers[0]?.({ price_sats: 1, created_ms: 0, expires_ms: 900_000 } as Quote);
	await vi.advanceTimersByTimeAsync(0);
	expect(quoting.held).toBeUndefined();
});

it('a refusal leaves no price to buy at', async () => {
	const quoting = new Quoting('offer', () => Promise.reject(new Problem(409, 'sold_out', 'Sold out.')));
	quoting.want(1n);
	await vi.advanceTimersByTimeAsync(400);
	expect([quoting.held, quoting.problem?.code]).toEqual([undefined, 'sold_out']);
});
