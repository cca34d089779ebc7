/** What the operator does through the API. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { BASE_URL, OPERATOR_TOKEN } from './setting.mjs';

/** Confirms the payment of a contract, as the operator does when the money has come; by default exactly the price. */
export async function confirmPayment(contract, received_sats = contract.price_sats) {
	const response = await fetch(`${BASE_URL}/api/v1/admin/contracts/${contract.id}/confirm-payment`, {
		method: 'POST',
		headers: {
			authorization: `Bearer ${OPERATOR_TOKEN}`,
			'content-type': 'application/json',
			'idempotency-key': randomUUID()
		},
		body: JSON.stringify({ received_sats, payment_note: 'browser test' })
	});
	assert.ok(response.ok, `confirm-payment: ${response.status} ${await response.text()}`);
}
