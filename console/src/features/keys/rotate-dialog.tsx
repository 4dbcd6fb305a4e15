import { useState } from 'react';
import type { ApiKey, NewKey } from '../../api/admin-types';
import { keys } from '../../api/routes';
import { GroupField } from '../../forms/fields';
import { Form } from '../../forms/form';
import { useT } from '../../i18n';
import { Dialog, Segments } from '../../ui/controls';
import { overlaps } from './key-model';
import { Secret } from './secret';

/** A new secret under the same id; the old one goes on for as long as it takes to change over. */
export function RotateDialog({ subject, onDone, onClose }: { subject: ApiKey; onDone: () => void; onClose: () => void }) {
    const t = useT();
    const [overlap, setOverlap] = useState<number>(86_400);
    const [made, setMade] = useState<NewKey>();
    const text = (seconds: number) => (
        seconds === 0 ? t('key.at_once') : seconds < 86_400 ? t('key.hours', { n: seconds / 3_600 }) : t('key.days', { n: seconds / 86_400 })
    );
    return (
        <Dialog title={t(made ? 'key.made' : 'key.rotate_one', { name: subject.name })} open firm={made !== undefined} onClose={onClose} close={t('close')}>
            {made ? <Secret made={made} onClose={onClose} /> : (
                <Form
                    paths={['overlap_s']} action={t('key.rotate')} onCancel={onClose}
                    send={async () => { setMade(await keys.rotate(subject.id, overlap)); onDone(); }}
                >
                    <p>{t('key.rotate_text')}</p>
                    <GroupField path="overlap_s" label={t('key.overlap')}>
                        <Segments
                            label={t('key.overlap')} value={overlap} onChange={setOverlap}
                            options={overlaps.map((value) => ({ value, text: text(value) }))}
                        />
                    </GroupField>
                </Form>
            )}
        </Dialog>
    );
}
