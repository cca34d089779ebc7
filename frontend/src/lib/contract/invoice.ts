import type { Invoice } from '$lib/api/types';
import { formatSats } from '$lib/format/amount';

type Payment = Invoice['payments'][number];

/** What an invoice's state means for its buyer, and what happens next. */
export function meaningOf(invoice: Pick<Invoice, 'state' | 'confirmations' | 'missing_sats' | 'address' | 'checkout_url'>): {
	title: string;
	text: string;
} {
	const blocks = invoice.confirmations === 1 ? 'one block' : `${invoice.confirmations} blocks`;
	const deep = invoice.confirmations === 1 ? 'in a block' : `${blocks} deep`;
	switch (invoice.state) {
		case 'new':
			return invoice.address || invoice.checkout_url
				? { title: 'Pay to start', text: `Your contract starts by itself once the payment is ${deep}.` }
				: { title: 'Pay to start', text: 'Your payment address is being made. This takes a moment.' };
		case 'seen':
			return { title: 'Payment seen', text: `It waits for its first block. Your contract starts after ${blocks}.` };
		case 'confirming':
			return { title: 'Payment confirmed', text: `Your contract starts once it is ${blocks} deep.` };
		case 'underpaid':
			return {
				title: 'A part is missing',
				text: `${formatSats(invoice.missing_sats)} are missing. Pay them to the same address to start the contract.`
			};
		case 'settled':
			return { title: 'Paid', text: 'Your contract is in the public log.' };
		case 'paid_late':
			return {
				title: 'Paid after the deadline',
				text: 'The hashrate was free for others. If it is still there once the payment is confirmed, your contract starts; else the payment is your credit.'
			};
		case 'expired':
			return {
				title: 'Not paid in time',
				text: 'Nothing is kept for you any more. What you have paid is your credit once it is confirmed. To try again, buy again.'
			};
		case 'cancelled':
			return { title: 'Cancelled', text: 'The operator has cancelled this contract. What you have paid is your credit once it is confirmed.' };
		case 'reorged':
			return {
				title: 'Payment not confirmed any more',
				text: 'The network has replaced the blocks that confirmed your payment. It usually comes back by itself; the operator has been told.'
			};
	}
}

/** Whether there is more to say of it than that the contract is paid. */
export function isOpen(invoice: Pick<Invoice, 'state' | 'credited_sats'>): boolean {
	return invoice.state !== 'settled' || invoice.credited_sats > 0;
}

/** How far a payment has come, in words. */
export function positionOf(payment: Pick<Payment, 'position' | 'confirmations'>, needed: number): string {
	switch (payment.position) {
		case 'waiting':
			return 'waits for a block';
		case 'confirmed':
			return `confirmed by ${payment.confirmations} of ${needed} blocks`;
		case 'final':
			return 'confirmed';
		case 'replaced':
			return 'replaced by another transaction, so it does not count';
		default:
			return 'dropped by the network, so it does not count';
	}
}
