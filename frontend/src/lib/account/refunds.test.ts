import { expect, it } from 'vitest';
import { hasAny, stageOf } from './refunds';

it('a refund that paid somebody else is not called paid', () => {
	expect(stageOf({ state: 'wrong' })).toContain('does not count');
	expect(stageOf({ state: 'booked' })).toBe('Paid back');
});

it('a stage that this page does not know is shown as it is', () => expect(stageOf({ state: 'returned' })).toBe('returned'));

it.each([
	[0, 0, false],
	[1, 0, true],
	[0, 1, true]
])('%s sats owed and %s refunds: shown is %s', (owed_sats, count, shown) =>
	expect(hasAny({ owed_sats, refunds: Array.from({ length: count }, () => ({}) as never) })).toBe(shown)
);
