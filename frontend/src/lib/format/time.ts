import { plural } from './number';

const STEPS: [name: string, ms: number][] = [
	['day', 86_400_000],
	['hour', 3_600_000],
	['minute', 60_000],
	['second', 1_000]
];

const instant = new Intl.DateTimeFormat('en-GB', {
	dateStyle: 'medium',
	timeStyle: 'medium',
	timeZone: 'UTC'
});

/** A moment in UTC, with its zone said: "21 Nov 2026, 05:14:00 UTC". */
export function formatTime(ms: number): string {
	return `${instant.format(ms)} UTC`;
}

/** From one moment to another, the day said once if it is the same: "1 Jan 1970, 00:00:00 to 00:10:00 UTC". */
export function formatPeriod(fromMs: number, untilMs: number): string {
	const [from, until] = [instant.format(fromMs), instant.format(untilMs)];
	const day = from.slice(0, from.lastIndexOf(',') + 2);
	return `${from} to ${until.startsWith(day) ? until.slice(day.length) : until} UTC`;
}

/** A length of time in its two largest units: "30 days", "1 hour 30 minutes", "0 seconds". */
export function formatDuration(ms: number): string {
	const parts: string[] = [];
	let rest = Math.max(0, ms);
	for (const [name, size] of STEPS) {
		const count = Math.floor(rest / size);
		rest -= count * size;
		if (count > 0) parts.push(plural(count, name));
		else if (parts.length > 0) break;
		if (parts.length === 2) break;
	}
	return parts.join(' ') || '0 seconds';
}
