import { expect, it } from 'vitest';
import { brief, bytes, clock, count, duration, long, rate } from './format';

it('formats durations over nine orders of magnitude', () => {
    expect([0, 0.42, 4.2, 18.4, 1250, 12_340, 185_000, 7_500_000, 200_000_000].map(duration)).toEqual([
        '0 ms', '0.42 ms', '4.2 ms', '18 ms', '1.25 s', '12.3 s', '3 min 05 s', '2 h 05 min', '2 d 07 h',
    ]);
    expect(long(59.9)).toBe('59 s');
    expect([-1, 75, 90_000].map(brief)).toEqual(['0 s', '1 min', '1 d']);
});

it('formats counts, rates and sizes', () => {
    expect(count(1_234_567)).toBe('1\u202f234\u202f567');
    expect(count(12_345_678)).toBe('12.3 M');
    expect([0, 0.04, 3.21, 812.6].map(rate)).toEqual(['0', '0.04', '3.2', '813']);
    expect([512, 1536, 300 * 1024 * 1024].map(bytes)).toEqual(['512 B', '1.5 KiB', '300 MiB']);
});

it('adds the day only when it is another', () => {
    const noon = new Date(2026, 0, 5, 12, 0, 0).getTime();
    expect(clock(noon, noon + 1000)).toBe('12:00:00');
    expect(clock(noon, noon + 86_400_000)).toBe('2026-01-05 12:00:00');
});
