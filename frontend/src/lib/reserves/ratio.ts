/** Coins as a share of what is owed, rounded down: "244 %". `null` when nothing is owed. */
export function formatBacking(coinSats: number, owedSats: number): string | null {
	if (owedSats === 0) return null;
	return `${(BigInt(coinSats) * 100n) / BigInt(owedSats)} %`;
}
