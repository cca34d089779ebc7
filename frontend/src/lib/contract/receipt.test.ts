import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Receipt } from '$lib/api/types';
import { drawNonce, keepNonce, parseReceipt, receiptFor, receiptText } from './receipt';

const ID = '6f1d2c3b-1111-4222-8333-444455556666';
const receipt: Receipt = { uuid: ID, nonce: 'ab'.repeat(32), details: '{"units":"1"}' };

beforeEach(() => {
	const kept = new Map<string, string>();
	vi.stubGlobal('localStorage', {
		getItem: (key: string) => kept.get(key) ?? null,
		setItem: (key: string, value: string) => kept.set(key, value)
	});
});

it('a nonce is 32 fresh bytes', () => {
	expect(drawNonce()).toMatch(/^[0-9a-f]{64}$/);
	expect(drawNonce()).not.toBe(drawNonce());
});

it('a receipt file reads back as it was written', () => expect(parseReceipt(receiptText(receipt))).toEqual(receipt));

it.each([
	['not JSON', 'hello'],
	['no object', '7'],
	['no uuid', JSON.stringify({ ...receipt, uuid: 'x' })],
	['a short nonce', JSON.stringify({ ...receipt, nonce: 'ab' })],
	['an upper-case nonce', JSON.stringify({ ...receipt, nonce: 'AB'.repeat(32) })],
	['no details', JSON.stringify({ ...receipt, details: '' })]
])('%s is not a receipt', (_, text) => expect(() => parseReceipt(text)).toThrow());

describe('the receipt to verify with', () => {
	it('is the first one seen, once it matches the nonce drawn here', () => {
		keepNonce(ID, receipt.nonce);
		expect(receiptFor(ID, receipt)).toEqual({ receipt, changed: null });
	});

	it('carries the nonce drawn here when the server tells another', () => {
		keepNonce(ID, 'cd'.repeat(32));
		const { receipt: used, changed } = receiptFor(ID, receipt);
		expect(used.nonce).toBe('cd'.repeat(32));
		expect(changed).toContain('nonce');
	});

	it('stays the kept one when the server later tells other details', () => {
		receiptFor(ID, receipt);
		const { receipt: used, changed } = receiptFor(ID, { ...receipt, details: '{"units":"2"}' });
		expect(used).toEqual(receipt);
		expect(changed).toContain('details');
	});
});
