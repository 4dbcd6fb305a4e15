import 'uplot/dist/uPlot.min.css';
import './plot.css';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { axisOf, colours, valueAxis } from './plot';

interface BarsProps {
    /** When each bar begins, in seconds since the epoch. */
    starts: number[];
    /** How long most of them last. */
    step: number;
    values: number[];
    /** What stands under a bar that begins then; as many as there is room for. */
    nameOf: (start: number) => string;
    format: (value: number) => string;
    height: number;
    /** Changes when colours do. */
    theme: string;
    label: string;
    onHover: (index: number | null) => void;
}

function optionsOf({ starts, step, nameOf, format, height }: BarsProps, width: number, hover: (index: number | null) => void): uPlot.Options {
    const colour = colours();
    const every = Math.max(1, Math.ceil((starts.length * 48) / Math.max(width, 1)));
    const ends: [number, number] = [(starts[0] ?? 0) - step / 2, (starts[starts.length - 1] ?? 0) + step / 2];
    return {
        width, height,
        padding: [8, 4, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
        scales: {
            x: { time: true, range: () => ends },
            y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
        },
        axes: [
            {
                ...axisOf(colour), size: 24, gap: 6, grid: { show: false },
                splits: () => starts.filter((_, at) => (starts.length - 1 - at) % every === 0),
                values: (_u, at) => at.map(nameOf),
            },
            valueAxis(colour, format),
        ],
        series: [
            {},
            {
                stroke: colour('plot-1'), fill: colour('plot-1'), width: 0, points: { show: false },
                paths: uPlot.paths.bars?.({ size: [0.7, 48], radius: 0.1 }),
            } as uPlot.Series,
        ],
        hooks: { setCursor: [(u) => { hover(u.cursor.idx ?? null); }] },
    };
}

/** A bar a day, or an hour: made anew with what it shows, for that changes by a click and not by itself. */
export function Bars(props: BarsProps) {
    const box = useRef<HTMLDivElement>(null);
    const latest = useRef(props);
    useEffect(() => { latest.current = props; });
    const { starts, values, theme } = props;
    useEffect(() => {
        const element = box.current;
        if (!element) return;
        const made = new uPlot(
            optionsOf(latest.current, element.clientWidth, (index) => { latest.current.onHover(index); }), [starts, values], element,
        );
        const observer = new ResizeObserver(() => {
            if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: latest.current.height });
        });
        observer.observe(element);
        return () => { observer.disconnect(); made.destroy(); };
    }, [starts, values, theme]);
    return (
        <div className="plot-box" role="img" aria-label={props.label}>
            <div ref={box} className="plot-canvas" />
        </div>
    );
}
