import type { ContractStatus } from '$lib/api/types';

/** A contract's status in words. */
export const STATUS_TEXT: Record<ContractStatus, string> = {
	reserved: 'Waiting for payment',
	active: 'Mining for you',
	fulfilled: 'Term ended',
	cancelled: 'Cancelled'
};
