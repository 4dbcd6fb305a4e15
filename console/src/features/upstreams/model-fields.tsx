import { GroupField, SelectField, TextField } from '../../forms/fields';
import { useT } from '../../i18n';
import { Button } from '../../ui/controls';
import { newModel, profiles, type ModelDraft } from './upstream-model';

/** What a server offers: one row a model. */
export function ModelFields({ models, onChange }: { models: ModelDraft[]; onChange: (models: ModelDraft[]) => void }) {
    const t = useT();
    const change = (at: number, part: Partial<ModelDraft>) => {
        onChange(models.map((each, index) => (index === at ? { ...each, ...part } : each)));
    };
    return (
        <GroupField path="models" exact label={t('up.models')}>
            {models.map((model, at) => (
                <div key={at} className="form-row">
                    <TextField
                        path={`models[${at}].id`} label={t('up.model_id', { k: at + 1 })} value={model.id} placeholder="Qwen/Qwen2.5-7B-Instruct"
                        onChange={(id) => { change(at, { id }); }}
                    />
                    <div className="form-grid">
                        <TextField
                            path={`models[${at}].remote`} label={t('up.remote')} value={model.remote} placeholder={t('up.remote_hint')}
                            onChange={(remote) => { change(at, { remote }); }}
                        />
                        <SelectField
                            path={`models[${at}].profile`} label={t('up.profile')} value={model.profile}
                            options={profiles.map((value) => ({ value, text: value }))} onChange={(profile) => { change(at, { profile }); }}
                        />
                    </div>
                    <Button
                        small look="plain" aria-label={t('up.model_drop', { k: at + 1 })}
                        onClick={() => { onChange(models.filter((_, index) => index !== at)); }}
                    >
                        {t('form.delete')}
                    </Button>
                </div>
            ))}
            <Button small icon="plus" onClick={() => { onChange([...models, newModel()]); }}>{t('up.model_add')}</Button>
        </GroupField>
    );
}
