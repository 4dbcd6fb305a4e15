import { useMemo } from 'react';
import { Plot, type Line } from '../../ui/plot';
import { valueAt, type Column } from './series';

export interface MetricLine {
    label: string;
    column: Column;
    tone: Line['tone'];
    fill?: boolean;
    dashed?: boolean;
}

interface MetricPlotProps {
    title: string;
    unit: string;
    lines: MetricLine[];
    times: number[];
    range: [number, number];
    hover: number | null;
    onHover: (index: number | null) => void;
    format: (value: number) => string;
    theme: string;
}

/** One plot with its words: the first line's value large, all of them named, with units. */
export function MetricPlot(props: MetricPlotProps) {
    const { lines, times, hover, format } = props;
    const drawn = useMemo(() => lines.map(({ column, tone, fill, dashed }) => (
        { values: column, tone, ...(fill ? { fill } : {}), ...(dashed ? { dashed } : {}) }
    )), [lines]);
    const text = (column: Column) => {
        const value = valueAt(column, hover);
        return value === null ? '–' : format(value);
    };
    const words = lines.map((line) => `${line.label} ${text(line.column)} ${props.unit}`).join(', ');
    return (
        <figure className="metric">
            <figcaption>
                <h3>{props.title}</h3>
                <p className="metric-value num">
                    {lines[0] && text(lines[0].column)} <span className="metric-unit">{props.unit}</span>
                </p>
                <ul className="metric-legend">
                    {lines.map((line) => (
                        <li key={line.label}>
                            <i className={`tone-line-${line.tone}`} />
                            {line.label} <span className="num">{text(line.column)}</span>
                        </li>
                    ))}
                </ul>
            </figcaption>
            <Plot
                times={times} lines={drawn} range={props.range} format={format} height={132} sync="status"
                theme={props.theme} label={`${props.title}: ${words}`} onHover={props.onHover}
            />
        </figure>
    );
}
