import { describe, expect, it } from 'vitest';
import { amountFacts, formatBtc, formatSats } from './amount';
import { formatBytes, formatCount, formatPpm, groupDigits, plural, shortHex } from './number';
import { formatDuration, formatPeriod, formatTime } from './time';
import { formatHashrate, formatRate, formatWork, formatWorkExact, inputUnit } from './work';

describe('amounts', () => {
	it.each([
		[0, '0 sats'],
		[1, '1 sat'],
		[1_234_567, '1,234,567 sats'],
		[2_100_000_000_000_000n, '2,100,000,000,000,000 sats']
	])('%s is %s', (sats, text) => expect(formatSats(sats)).toBe(text));

	it.each([
		[0, '0.00000000 BTC'],
		[1, '0.00000001 BTC'],
		[123_456_789, '1.23456789 BTC'],
		[-5, '-0.00000005 BTC'],
		[2_100_000_000_000_000n, '21,000,000.00000000 BTC']
	])('%s is %s', (sats, text) => expect(formatBtc(sats)).toBe(text));

	it('small ones come in satoshis first', () =>
		expect(amountFacts(695)).toEqual({ value: '695 sats', exact: '0.00000695 BTC' }));
	it('large ones come in bitcoin first', () =>
		expect(amountFacts(5_000_000_000)).toEqual({ value: '50.00000000 BTC', exact: '5,000,000,000 sats' }));
});

describe('work', () => {
	it.each([
		['0', '0 H'],
		['999', '999 H'],
		['1000', '1 kH'],
		['1500000', '1.5 MH'],
		['1000001', '1.000 MH'],
		['999999', '999.9 kH'],
		['12345678', '12.34 MH'],
		['4295032833', '4.295 GH'],
		['340282366920938463463374607431768211455', '340,282,366,920,938 YH']
	])('%s is cut, never rounded up, to %s', (work, text) => expect(formatWork(work)).toBe(text));

	it('is exact on request beyond what a float holds', () =>
		expect(formatWorkExact('9007199254740993')).toBe('9,007,199,254,740,993 hashes'));

	it('per second is a hashrate', () => expect(formatHashrate('100000')).toBe('100 kH/s'));

	it.each([
		[100_000n, 1_000n, 'kH/s'],
		[1_500n, 1n, 'H/s'],
		[10n ** 12n, 10n ** 12n, 'TH/s']
	])('steps of %s are typed in whole %s', (step, factor, label) =>
		expect(inputUnit(step)).toEqual({ factor, label })
	);
});

it.each([
	[50, '50 sats', 'per TH/s and day'],
	[1_234_567, '1,234,567 sats', 'per TH/s and day'],
	[1_500_000, '1,500 sats', 'per GH/s and day'],
	[1_000_000_000_000, '1,000 sats', 'per kH/s and day']
])('a rate of %s is exact in the largest unit that keeps it short', (rate, value, per) =>
	expect(formatRate({ sats: BigInt(rate), perHs: 10n ** 12n })).toEqual({ value, per })
);

it.each([
	[45_678n * 1_050_000n, '47.96 sats', 'per TH/s and day'],
	[50_000n * 1_000_000n, '50 sats', 'per TH/s and day'],
	[216n * 10n ** 27n * 7n + 1n, '1,512,000,000 sats', 'per H/s and day']
])('a part %s of a hashprice is cut after two decimals', (sats, value, per) =>
	expect(formatRate({ sats, perHs: 10n ** 21n })).toEqual({ value, per })
);

describe('numbers and times', () => {
	it('groups thousands', () => expect(formatCount(1_234_567)).toBe('1,234,567'));
	it('counts one and many', () => expect([plural(1, 'epoch'), plural(2, 'epoch')]).toEqual(['1 epoch', '2 epochs']));
	it('never rounds a shortfall away', () => expect(formatPpm(999_999)).toBe('99.99 %'));
	it('shows a surplus', () => expect(formatPpm(1_012_300)).toBe('101.23 %'));
	it('counts bytes in decimal units', () =>
		expect([formatBytes(999), formatBytes(12_345)]).toEqual(['999 B', '12.3 kB']));
	it.each([
		['3089 shares in 31 epochs, 1917350472 hashes', '3,089 shares in 31 epochs, 1,917,350,472 hashes'],
		['100000 H/s in 2 of 32 epochs', '100,000 H/s in 2 of 32 epochs'],
		['SHA-256 1234567890ab', 'SHA-256 1234567890ab'],
		['signed by log.example/pool-2026+12345678+AQ==', 'signed by log.example/pool-2026+12345678+AQ==']
	])('groups the digits in "%s"', (sentence, grouped) => expect(groupDigits(sentence)).toBe(grouped));
	it('says the day of a period once', () =>
		expect(formatPeriod(0, 600_000)).toBe('1 Jan 1970, 00:00:00 to 00:10:00 UTC'));
	it('says both days of a longer period', () =>
		expect(formatPeriod(0, 86_400_000)).toBe('1 Jan 1970, 00:00:00 to 2 Jan 1970, 00:00:00 UTC'));
	it('shortens long values only', () =>
		expect([shortHex('abcd'), shortHex('0123456789abcdef0123456789abcdef')]).toEqual(['abcd', '01234567…89abcdef']));
	it('says the zone', () => expect(formatTime(0)).toBe('1 Jan 1970, 00:00:00 UTC'));
	it.each([
		[0, '0 seconds'],
		[86_400_000 * 30, '30 days'],
		[5_400_000, '1 hour 30 minutes'],
		[86_400_000 + 5_000, '1 day']
	])('%s ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
