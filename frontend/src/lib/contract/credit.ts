import type { Credit } from '$lib/api/types';

/** What gave a credit: "Settlement 3", or "Accrual 2" where it is paid by time. */
export function sourceOf({ settlement, accrual }: Pick<Credit, 'settlement' | 'accrual'>): string {
	return settlement == null ? `Accrual ${accrual}` : `Settlement ${settlement}`;
}
