import { describe, expect, it } from 'vitest';
import { meaningOf, positionOf } from './invoice';

const invoice = { state: 'new' as const, confirmations: 3, missing_sats: 300, address: 'bc1q', checkout_url: null };

describe('meaningOf', () => {
	it('says how deep a payment has to be', () => {
		expect(meaningOf(invoice).text).toContain('3 blocks deep');
		expect(meaningOf({ ...invoice, confirmations: 1 }).text).toContain('in a block');
	});

	it('waits for an address', () => {
		expect(meaningOf({ ...invoice, address: null }).text).toContain('being made');
	});

	it('says how much is missing', () => {
		expect(meaningOf({ ...invoice, state: 'underpaid' }).text).toContain('300 sats');
	});

	it('has words for every odd state', () => {
		for (const state of ['seen', 'confirming', 'settled', 'paid_late', 'expired', 'cancelled', 'reorged'] as const) {
			expect(meaningOf({ ...invoice, state }).title).not.toBe(meaningOf(invoice).title);
		}
	});
});

describe('positionOf', () => {
	it('counts blocks, and says what does not count', () => {
		expect(positionOf({ position: 'confirmed', confirmations: 2 }, 3)).toBe('confirmed by 2 of 3 blocks');
		expect(positionOf({ position: 'replaced', confirmations: 0 }, 3)).toContain('does not count');
		expect(positionOf({ position: 'dropped', confirmations: 0 }, 3)).toContain('does not count');
	});
});
