import { expect, it } from 'vitest';
import type { Quote } from '$lib/api/types';
import { formatLeft, hold, left, noticeOf } from './held';

const quote = { created_ms: 1_000_000, expires_ms: 1_900_000 } as Quote;

it('a quote lasts as long as the server holds it, by this clock', () => expect(hold(quote, 5_000).untilMs).toBe(905_000));

it.each([
	[5_000, 900_000],
	[904_999, 1],
	[906_000, 0]
])('at %s there are %s ms left', (nowMs, ms) => expect(left(hold(quote, 5_000), nowMs)).toBe(ms));

it.each([
	[900_000, '15:00'],
	[899_999, '15:00'],
	[61_000, '1:01'],
	[1, '0:01'],
	[0, '0:00'],
	[3_723_000, '1:02:03']
])('%s ms are shown as %s', (ms, text) => expect(formatLeft(ms)).toBe(text));

it('the time left is announced twice and not every second', () => {
	const told = Array.from({ length: 900 }, (_, second) => noticeOf(900_000 - second * 1_000));
	expect([...new Set(told)]).toHaveLength(3);
	expect(noticeOf(300_000)).toBe('');
	expect(noticeOf(299_999)).toContain('five minutes');
	expect(noticeOf(59_999)).toContain('less than a minute');
});
