import { Problem } from '$lib/api/problem';
import type { Contract, ListedAddress } from '$lib/api/types';
import { shortHex } from '$lib/format/number';
import { formatDuration } from '$lib/format/time';

const MINUTE_MS = 60_000;

/** What is wrong with an address that was to be added, at the field that has to change; `rest` belongs to none. */
export interface AddErrors {
	address?: string | undefined;
	label?: string | undefined;
	password?: string | undefined;
	rest?: string;
}

/** Whether an address can be used, at a moment of the server's clock. */
export function isUsable({ usable_ms }: Pick<ListedAddress, 'usable_ms'>, nowMs: number): boolean {
	return usable_ms <= nowMs;
}

/** How long an address still waits, in minutes that have begun: "23 hours 59 minutes". */
export function waitOf({ usable_ms }: Pick<ListedAddress, 'usable_ms'>, nowMs: number): string {
	return formatDuration(Math.ceil((usable_ms - nowMs) / MINUTE_MS) * MINUTE_MS);
}

/** The customer's own word for an address, else its head and tail. */
export function nameOf({ label, address }: Pick<ListedAddress, 'label' | 'address'>): string {
	return label || shortHex(address);
}

/** Contracts that may still pay something to an address: those that are not over, and those that are owed something. */
export function countPaying(contracts: Pick<Contract, 'status' | 'payout_address' | 'unpaid_sats'>[], address: string): number {
	const isPaying = ({ status, unpaid_sats }: (typeof contracts)[number]) =>
		status === 'reserved' || status === 'active' || unpaid_sats > 0;
	return contracts.filter((contract) => contract.payout_address === address && isPaying(contract)).length;
}

/** Why an address that was chosen is refused, at the field it was sent as; `undefined` where something else is wrong. */
export function choiceError(problem: Problem, field: string): string | undefined {
	switch (problem.code) {
		case 'address_not_listed':
			return 'This address is not on your list. Choose another one, or add it in your account.';
		case 'address_on_hold':
			return 'This address can’t be used yet.';
		default:
			return problem.of(field);
	}
}

/** A refusal to add an address, said where it can be put right. */
export function addErrors(problem: Problem): AddErrors {
	switch (problem.code) {
		case 'wrong_credentials':
			return { password: 'This is not the password of your account.' };
		case 'address_listed':
		case 'too_many_addresses':
			return { address: problem.message };
		default:
			if (problem.errors.length === 0) return { rest: problem.message };
			return { address: problem.of('address'), label: problem.of('label') };
	}
}
