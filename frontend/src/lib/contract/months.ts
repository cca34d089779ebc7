/** The months from one moment to another in UTC, newest first, as statements name them: "2026-11". */
export function monthsBetween(fromMs: number, untilMs: number): string[] {
	const last = new Date(untilMs);
	const first = new Date(fromMs);
	const count = (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth();
	return Array.from({ length: Math.max(0, count) + 1 }, (_, back) =>
		new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth() - back)).toISOString().slice(0, 7)
	);
}

const long = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });

/** "November 2026". */
export function formatMonth(month: string): string {
	return long.format(Date.parse(`${month}-01T00:00:00Z`));
}
