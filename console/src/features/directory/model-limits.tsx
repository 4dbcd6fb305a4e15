import { GroupField, TextField } from '../../forms/fields';
import { LimitInputs, limitsDraft } from '../../forms/limits';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import type { ModelDraft } from './account-model';

/** Of a tenant: what all its callers together may ask of a model. */
export function ModelLimits({ models, onChange }: { models: ModelDraft[]; onChange: (models: ModelDraft[]) => void }) {
    const t = useT();
    const change = (at: number, part: Partial<ModelDraft>) => {
        onChange(models.map((each, index) => (index === at ? { ...each, ...part } : each)));
    };
    return (
        <GroupField path="models" exact label={t('directory.models')}>
            {models.map(({ model, limits }, at) => (
                <div key={at} className="form-row">
                    <TextField
                        path={`models[${at}].id`} label={t('directory.model', { k: at + 1 })} value={model}
                        onChange={(text) => { change(at, { model: text }); }}
                    />
                    <LimitInputs path={`models[${at}]`} draft={limits} onChange={(next) => { change(at, { limits: next }); }} />
                    <Button
                        small look="plain" aria-label={t('directory.model_drop', { k: at + 1 })}
                        onClick={() => { onChange(models.filter((_, index) => index !== at)); }}
                    >
                        {t('form.delete')}
                    </Button>
                </div>
            ))}
            <Button small icon="plus" onClick={() => { onChange([...models, { model: '', limits: limitsDraft() }]); }}>{t('directory.model_add')}</Button>
        </GroupField>
    );
}
