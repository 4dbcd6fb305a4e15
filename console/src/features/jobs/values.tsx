import { onThisOrigin } from '../../api/routes';
import type { Values } from '../../api/types';
import { ValueView } from '../../ui/value-view';

export function ValuesView({ values }: { values: Values }) {
    return (
        <dl className="values">
            {Object.entries(values).map(([name, value]) => (
                <div key={name}>
                    <dt className="small quiet">{name}</dt>
                    <dd><ValueView value={value} href={onThisOrigin} label={name} /></dd>
                </div>
            ))}
        </dl>
    );
}
