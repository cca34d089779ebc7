const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number with its thousands apart: "1,234,567". */
export function formatCount(value: number | bigint | string): string {
	return grouped.format(typeof value === 'number' ? value : BigInt(value));
}

/** "1 epoch", "2 epochs". */
export function plural(value: number, one: string, many = `${one}s`): string {
	return `${formatCount(value)} ${value === 1 ? one : many}`;
}

/** Groups the digits of the long numbers in a sentence; hexadecimal values and names with digits stay as they are. */
export function groupDigits(sentence: string): string {
	return sentence.replace(/(?<![\w.,+/=-])\d{4,}(?![\w.+/=-])/g, formatCount);
}

/** Bytes in decimal units, as browsers show downloads: "0 B", "12.3 kB", "4.5 MB". */
export function formatBytes(bytes: number): string {
	const units = ['B', 'kB', 'MB', 'GB'];
	let value = bytes;
	let unit = 0;
	while (value >= 1000 && unit < units.length - 1) {
		value /= 1000;
		unit += 1;
	}
	return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Parts per million as a percentage, cut (not rounded up) to two decimals: 999999 → "99.99 %". */
export function formatPpm(ppm: number): string {
	return `${formatCount(Math.floor(ppm / 10_000))}.${String(Math.floor((ppm % 10_000) / 100)).padStart(2, '0')} %`;
}

/** The head and the tail of a long hexadecimal value. */
export function shortHex(hex: string): string {
	return hex.length <= 20 ? hex : `${hex.slice(0, 8)}…${hex.slice(-8)}`;
}
