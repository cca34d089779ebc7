import { formatSats } from './amount';
import { formatCount } from './number';

/** From here on a rate is said for a smaller unit of hashrate. */
const LONG_RATE_SATS = 1_000_000n;

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

/**
 * Work (expected hashes, decimal string) with an SI prefix and four digits, cut, never rounded up: "12.34 GH". What is
 * exact in fewer digits is shown in fewer: "300 kH".
 */
export function formatWork(work: string | bigint): string {
	return `${scaled(BigInt(work))}H`;
}

/** A hashrate in hashes per second: "12.34 GH/s". */
export function formatHashrate(hashrateHs: string | bigint): string {
	return `${scaled(BigInt(hashrateHs))}H/s`;
}

/** Work to the last hash: "12,345,678 hashes". */
export function formatWorkExact(work: string | bigint): string {
	return `${formatCount(BigInt(work))} hashes`;
}

/**
 * A price per TH/s and day, or for the largest unit that keeps the number short: 1,000 sats per kH/s and day. What is whole
 * is exact; parts of a satoshi are cut after two decimals.
 */
export function formatRate({ sats, perHs }: { sats: bigint; perHs: bigint }): { value: string; per: string } {
	let power = PREFIXES.indexOf('T');
	let scaled = sats * 1000n ** BigInt(power);
	const stays = (shorter: bigint) => scaled % perHs === 0n && shorter % perHs !== 0n;
	while (power > 0 && scaled >= LONG_RATE_SATS * perHs && !stays(scaled / 1000n)) {
		scaled /= 1000n;
		power -= 1;
	}
	const hundredths = (scaled * 100n) / perHs;
	const decimals = hundredths % 100n === 0n ? '' : `.${String(hundredths % 100n).padStart(2, '0')}`;
	const value = decimals === '' ? formatSats(hundredths / 100n) : `${formatCount(hundredths / 100n)}${decimals} sats`;
	return { value, per: `per ${PREFIXES[power]}H/s and day` };
}

/** The unit in which every multiple of `stepHs` is a whole number, for typing in a hashrate: 100,000 → kH/s. */
export function inputUnit(stepHs: bigint): { factor: bigint; label: string } {
	let power = 0;
	let factor = 1n;
	while (power < PREFIXES.length - 1 && stepHs % (factor * 1000n) === 0n && stepHs !== 0n) {
		factor *= 1000n;
		power += 1;
	}
	return { factor, label: `${PREFIXES[power]}H/s` };
}

function scaled(value: bigint): string {
	let power = 0;
	let factor = 1n;
	while (power < PREFIXES.length - 1 && value >= factor * 1000n) {
		factor *= 1000n;
		power += 1;
	}
	const whole = value / factor;
	const digits = power === 0 ? 0 : 4 - Math.min(String(whole).length, 4);
	if (digits === 0) return `${formatCount(whole)} ${PREFIXES[power]}`;
	const scaledRest = (value % factor) * 10n ** BigInt(digits);
	const fraction = String(scaledRest / factor).padStart(digits, '0');
	const shown = scaledRest % factor === 0n ? fraction.replace(/0+$/, '') : fraction;
	return `${whole}${shown && `.${shown}`} ${PREFIXES[power]}`;
}
