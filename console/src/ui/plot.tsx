import 'uplot/dist/uPlot.min.css';
import './plot.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';

export interface Line {
    values: (number | null)[];
    tone: 1 | 2 | 3;
    fill?: boolean;
    dashed?: boolean;
}

interface PlotProps {
    times: number[];
    lines: Line[];
    /** Seconds since the epoch: what the axis spans, whatever points there are. */
    range: [number, number];
    format: (value: number) => string;
    height: number;
    /** Plots with one key show their cursor at the same time. */
    sync: string;
    /** Changes when colours do. */
    theme: string;
    label: string;
    onHover: (index: number | null) => void;
}

/** A token's colour as the canvas understands it; light-dark() is resolved by the browser. */
export function colours(): (name: string) => string {
    const probe = document.createElement('span');
    document.body.append(probe);
    queueMicrotask(() => { probe.remove(); });
    return (name) => {
        probe.style.color = `var(--${name})`;
        return getComputedStyle(probe).color;
    };
}

export function axisOf(colour: (name: string) => string) {
    return {
        font: '11px Inter, system-ui, sans-serif',
        stroke: colour('text-3'),
        ticks: { show: false },
        grid: { stroke: colour('line'), width: 1 },
    };
}

export function valueAxis(colour: (name: string) => string, format: (value: number) => string): uPlot.Axis {
    return {
        ...axisOf(colour), gap: 6, space: 28,
        // As wide as its longest label, so that plots of small numbers do not stand far in.
        size: (_u, at) => Math.max(24, ...(at ?? []).map((text) => 10 + 6.5 * text.length)),
        values: (_u, at) => at.map((value) => format(value)),
    };
}

function optionsOf(props: PlotProps, width: number, hover: (index: number | null) => void): uPlot.Options {
    const colour = colours();
    const axis = axisOf(colour);
    return {
        width,
        height: props.height,
        padding: [8, 4, 0, 0],
        legend: { show: false },
        cursor: {
            sync: { key: props.sync, setSeries: false },
            drag: { x: false, y: false },
            points: { size: 6 },
        },
        scales: {
            x: { time: true, range: (u) => (u as uPlot & { span?: [number, number] }).span ?? props.range },
            y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
        },
        axes: [
            {
                ...axis, size: 24, gap: 6, space: 56, grid: { show: false }, incrs: [60, 120, 300, 600, 900, 1800],
                values: (_u, at) => at.map((s) => new Date(s * 1000).toTimeString().slice(0, 5)),
            },
            valueAxis(colour, props.format),
        ],
        series: [
            {},
            ...props.lines.map((line) => ({
                stroke: colour(`plot-${line.tone}`),
                width: 1.5,
                dash: line.dashed ? [4, 3] : [],
                ...(line.fill ? { fill: colour('plot-fill') } : {}),
                points: { show: false },
                spanGaps: false,
            })),
        ],
        hooks: {
            setCursor: [(u) => { hover(u.cursor.idx ?? null); }],
        },
    };
}

/** A live line plot: made once per theme, then fed; follows its box's width. */
export function Plot(props: PlotProps) {
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot>(undefined);
    const latest = useRef(props);
    useEffect(() => { latest.current = props; });

    useEffect(() => {
        const element = box.current;
        if (!element) return;
        const now = latest.current;
        const data = [now.times, ...now.lines.map((line) => line.values)] as uPlot.AlignedData;
        const made = new uPlot(
            optionsOf(now, element.clientWidth, (index) => { latest.current.onHover(index); }), data, element,
        );
        plot.current = made;
        const observer = new ResizeObserver(() => {
            if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: latest.current.height });
        });
        observer.observe(element);
        return () => { observer.disconnect(); made.destroy(); };
    }, [props.theme]);

    useEffect(() => {
        const made = plot.current;
        if (!made) return;
        (made as uPlot & { span?: [number, number] }).span = props.range;
        made.setData([props.times, ...props.lines.map((line) => line.values)] as uPlot.AlignedData);
    }, [props.times, props.lines, props.range]);

    return (
        <div className="plot-box" role="img" aria-label={props.label}>
            <div ref={box} className="plot-canvas" />
        </div>
    );
}
