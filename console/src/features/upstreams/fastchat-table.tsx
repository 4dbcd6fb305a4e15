import type { Upstream } from '../../api/upstream-types';
import { useT } from '../../i18n';
import { Ago, State } from './state';
import { idOf } from './upstream-model';

/** Workers that registered by themselves, and whether they are still heard. */
export function FastchatTable({ workers }: { workers: Upstream[] }) {
    const t = useT();
    return (
        <div className="table-scroll" tabIndex={0} role="group" aria-label={t('up.fastchat')}>
            <table className="table">
                <thead>
                    <tr>
                        <th scope="col">{t('up.worker')}</th>
                        <th scope="col">{t('up.models')}</th>
                        <th scope="col">{t('up.state')}</th>
                        <th scope="col">{t('up.beats')}</th>
                        <th scope="col">{t('up.heard')}</th>
                        <th scope="col" className="right">{t('up.load')}</th>
                    </tr>
                </thead>
                <tbody>
                    {workers.map((each) => (
                        <tr key={idOf(each)}>
                            <td><code className="up-text clip" title={each.base_url}>{each.base_url}</code></td>
                            <td className="up-text clip">{each.models.map(({ id }) => id).join(', ')}</td>
                            <td><State health={each.health} /></td>
                            <td>{t(each.options?.['check_heart_beat'] === 'true' ? 'up.beats_yes' : 'up.beats_no')}</td>
                            <td><Ago at={each.health.heard_at} /></td>
                            <td className="right">{each.health.load ?? '–'}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}
