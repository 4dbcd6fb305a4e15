import { useEffect, useState, type ReactNode } from 'react';
import { faultAt } from './faults';
import { useFaults } from './form';

/** Fields that most never need, folded away; it opens when one of them is wrong. */
export function Section({ title, paths, children }: { title: string; paths: string[]; children: ReactNode }) {
    const faults = useFaults();
    const [open, setOpen] = useState(false);
    useEffect(() => {
        if (paths.some((path) => faultAt(faults, path))) setOpen(true);
    // The faults alone open it: whoever closes it then has read them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    }, [faults]);
    return (
        <details className="form-section" open={open} onToggle={({ currentTarget }) => { setOpen(currentTarget.open); }}>
            <summary>{title}</summary>
            <div className="form-section-fields">{children}</div>
        </details>
    );
}
