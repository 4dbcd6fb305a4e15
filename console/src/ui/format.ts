/** Numbers for people: short, with a unit, never jumping in width more than they must. */

export function count(value: number): string {
    if (value >= 10_000_000) return `${(value / 1e6).toFixed(1)} M`;
    return Math.round(value).toLocaleString('en-US').replaceAll(',', '\u202f');
}

export function rate(value: number): string {
    if (value === 0) return '0';
    if (value < 10) return value.toFixed(value < 0.1 ? 2 : 1);
    return count(value);
}

export function bytes(value: number): string {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let step = 0;
    while (value >= 1024 && step < units.length - 1) {
        value /= 1024;
        step += 1;
    }
    return `${step === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[step] ?? ''}`;
}

/** A duration in milliseconds with two or three figures: "0.42 ms", "18 ms", "1.25 s", "3 min 05 s". */
export function duration(ms: number): string {
    if (ms < 0) return '0 ms';
    if (ms < 1) return ms === 0 ? '0 ms' : `${ms.toFixed(2)} ms`;
    if (ms < 10) return `${ms.toFixed(1)} ms`;
    if (ms < 1000) return `${ms.toFixed(0)} ms`;
    if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
    if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
    return long(ms / 1000);
}

/** From a minute on: two neighbouring units. */
export function long(seconds: number): string {
    const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
    if (seconds < 60) return `${Math.floor(seconds)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} min`;
    return `${Math.floor(seconds / 86_400)} d ${two((seconds % 86_400) / 3600)} h`;
}

/** The largest unit alone, where a column is narrow. */
export function brief(seconds: number): string {
    return long(Math.max(0, seconds)).split(' ').slice(0, 2).join(' ');
}

/** Local time of day; with the day when it is not today. */
export function clock(at: string | number, now = Date.now()): string {
    const date = new Date(at);
    const time = date.toLocaleTimeString('en-GB');
    if (new Date(now).toDateString() === date.toDateString()) return time;
    const two = (value: number) => String(value).padStart(2, '0');
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}
