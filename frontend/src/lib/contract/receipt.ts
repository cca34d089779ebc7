import type { Receipt } from '$lib/api/types';

const NONCE = 'provenhash.nonce.';
const RECEIPT = 'provenhash.receipt.';
const HEX_32_BYTES = /^[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** 32 bytes that only the buyer's own browser chose, so no two buyers can be shown the same contract. */
export function drawNonce(): string {
	const bytes = crypto.getRandomValues(new Uint8Array(32));
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Remembers which nonce this browser drew for a contract, by the id of the contract in the API. */
export function keepNonce(id: string, nonce: string): void {
	localStorage.setItem(NONCE + id, nonce);
}

/** What comparing the server's receipt with the one this browser knows showed. */
export type ReceiptCheck = { receipt: Receipt; changed: string | null };

/**
 * The receipt to verify with: the one first kept here, not whatever the server says today. `changed` says what the
 * server now tells differently.
 */
export function receiptFor(id: string, fromServer: Receipt): ReceiptCheck {
	const kept = keptReceipt(id);
	if (kept !== null) return { receipt: kept, changed: difference(kept, fromServer) };
	const drawn = localStorage.getItem(NONCE + id);
	if (drawn !== null && drawn !== fromServer.nonce) {
		return { receipt: { ...fromServer, nonce: drawn }, changed: `nonce ${fromServer.nonce} instead of ${drawn}` };
	}
	localStorage.setItem(RECEIPT + id, receiptText(fromServer));
	return { receipt: fromServer, changed: null };
}

/** The receipt as the file a buyer keeps. */
export function receiptText(receipt: Receipt): string {
	const { uuid, nonce, details } = receipt;
	return `${JSON.stringify({ uuid, nonce, details }, null, 2)}\n`;
}

/** Reads a receipt file. Throws an Error that says what is wrong with it. */
export function parseReceipt(text: string): Receipt {
	const value: unknown = parseJson(text);
	if (typeof value !== 'object' || value === null) throw new Error('A receipt is a JSON object with uuid, nonce and details.');
	const { uuid, nonce, details } = value as Record<string, unknown>;
	if (typeof uuid !== 'string' || !UUID.test(uuid)) throw new Error('The receipt’s “uuid” is missing or malformed.');
	if (typeof nonce !== 'string' || !HEX_32_BYTES.test(nonce)) throw new Error('The receipt’s “nonce” must be 64 hex digits.');
	if (typeof details !== 'string' || details === '') throw new Error('The receipt’s “details” are missing.');
	return { uuid, nonce, details };
}

/** Whether a text can be a contract id. */
export function isContractId(text: string): boolean {
	return HEX_32_BYTES.test(text);
}

function keptReceipt(id: string): Receipt | null {
	const text = localStorage.getItem(RECEIPT + id);
	return text === null ? null : parseReceipt(text);
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new Error('This is not a receipt: it isn’t JSON.');
	}
}

function difference(kept: Receipt, now: Receipt): string | null {
	if (kept.uuid !== now.uuid) return `uuid ${now.uuid} instead of ${kept.uuid}`;
	if (kept.nonce !== now.nonce) return `nonce ${now.nonce} instead of ${kept.nonce}`;
	if (kept.details !== now.details) return `details ${now.details} instead of ${kept.details}`;
	return null;
}
