/** A contract's status in words. The server may know more of them than this page. */
const STATUS_TEXT: Record<string, string> = {
	reserved: 'Waiting for payment',
	paid: 'Paid, starts soon',
	active: 'Mining for you',
	suspended: 'Suspended',
	fulfilled: 'Term ended',
	closed: 'Closed early',
	cancelled: 'Cancelled'
};

/** What it means for the buyer, where the word alone does not say it. */
const STATUS_MEANING: Record<string, string> = {
	paid: 'Your payment is there. The contract takes part from the next epoch on.',
	fulfilled: 'The term is over. What is still owed to you is paid without a threshold.'
};

export function statusText(status: string): string {
	return STATUS_TEXT[status] ?? status.charAt(0).toUpperCase() + status.slice(1).replaceAll('_', ' ');
}

export function statusMeaning(status: string): string | undefined {
	return STATUS_MEANING[status];
}
