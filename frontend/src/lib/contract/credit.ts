import type { Credit } from '$lib/api/types';

/** What gave a credit: "Settlement 3", "Accrual 2" where it is paid by time, or "Paid back" at the contract’s end. */
export function sourceOf({ settlement, accrual }: Pick<Credit, 'settlement' | 'accrual'>): string {
	if (settlement != null) return `Settlement ${settlement}`;
	return accrual == null ? 'Paid back' : `Accrual ${accrual}`;
}
