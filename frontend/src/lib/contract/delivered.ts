/** Delivered work per promised work in parts per million, cut; `null` while nothing is due. Decimal strings in. */
export function deliveredPpm(work: string, promised: string): number | null {
	const due = BigInt(promised);
	return due === 0n ? null : Number((BigInt(work) * 1_000_000n) / due);
}
