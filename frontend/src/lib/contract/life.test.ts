import { expect, it } from 'vitest';
import type { Life } from '$lib/api/types';
import { closedSentences, lineOf, paidBackText, suspendedSentences } from './life';

const HOUR_MS = 3_600_000;
const closed: Life = { state: 'closed', since_ms: 0, reason: 'sold', paid_back: null };

it.each([
	[0, 0, null],
	[1, 0, '1 sat for unused time'],
	[0, 2, '2 sats for missing work'],
	[1_200, 30, '1,200 sats for unused time and 30 sats for missing work']
])('%s sats for time and %s for work are said where they are any', (unused_time_sats, missing_work_sats, text) =>
	expect(paidBackText({ unused_time_sats, missing_work_sats })).toBe(text)
);

it('an early end says how much of the term it cut off, and what comes of it', () => {
	const [ended, waits] = closedSentences({ ...closed, since_ms: 2 * HOUR_MS }, 7 * HOUR_MS);
	expect(ended).toContain('5 hours before the end of its term');
	expect(waits).toContain('is paid back');
	const [, credited] = closedSentences({ ...closed, paid_back: { unused_time_sats: 700, missing_work_sats: 0 } }, HOUR_MS);
	expect(credited).toContain('credited 700 sats for unused time.');
});

it('a suspension says when it ends and whether its time is paid back', () => {
	const suspension = { periods: 7, resume_ppm: 1_050_000, resume_periods: 3 };
	expect(suspendedSentences(undefined)).toHaveLength(1);
	const [, resumes, back] = suspendedSentences({ suspension, refunds_unused_time: true });
	expect(resumes).toContain('105.00 % of its maintenance for 3 periods of epochs');
	expect(back).toContain('is paid back');
	expect(suspendedSentences({ suspension, refunds_unused_time: false })[2]).toContain('is not paid back');
});

it.each([
	[null, 'reference PH-1'],
	[{ ...closed, state: 'active' as const }, 'from 1 Jan 1970, 00:00:05 UTC'],
	[{ ...closed, state: 'suspended' as const }, 'suspended since 1 Jan 1970, 00:00:00 UTC'],
	[closed, 'closed early on 1 Jan 1970, 00:00:00 UTC, what is left is being paid back'],
	[
		{ ...closed, paid_back: { unused_time_sats: 9, missing_work_sats: 0 } },
		'closed early on 1 Jan 1970, 00:00:00 UTC, paid back 9 sats for unused time'
	],
	[{ ...closed, paid_back: { unused_time_sats: 0, missing_work_sats: 0 } }, 'closed early on 1 Jan 1970, 00:00:00 UTC']
])('the line of a contract with the life %o', (life, line) =>
	expect(lineOf({ life, from_ms: life ? 5_000 : null, payment_reference: 'PH-1' })).toBe(line)
);
