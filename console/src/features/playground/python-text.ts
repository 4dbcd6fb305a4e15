import type { Json } from '../../api/types';

/** `true` and `null` are `True` and `None` there; everything else of JSON is Python already. */
export function pythonOf(value: Json, depth = 0): string {
    const pad = '    '.repeat(depth + 1);
    if (value === null) return 'None';
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    if (Array.isArray(value)) {
        const flat = `[${value.map((item) => pythonOf(item, depth)).join(', ')}]`;
        if (flat.length < 80 || !value.some((item) => typeof item === 'object')) return flat;
        return `[\n${value.map((item) => `${pad}${pythonOf(item, depth + 1)},\n`).join('')}${'    '.repeat(depth)}]`;
    }
    if (typeof value === 'object') {
        const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonOf(item, depth + 1)}`);
        const flat = `{${entries.join(', ')}}`;
        return flat.length < 80 ? flat : `{\n${pad}${entries.join(`,\n${pad}`)},\n${'    '.repeat(depth)}}`;
    }
    return JSON.stringify(value);
}
