import { useState } from 'react';
import { useT } from '../../i18n';
import { CopyButton, Segments } from '../../ui/controls';
import { copyAs, programsFor, type Call, type Program } from './copy-as';

const names: Record<Program, string> = {
    curl: 'curl', python: 'Python', cli: 'headrace', 'openai-python': 'OpenAI Python', 'openai-js': 'OpenAI JS',
};

/** The form as a call from somewhere else; JSON that is half typed makes no call. */
export function CodePanel({ call }: { call: Call }) {
    const t = useT();
    const programs = programsFor(call);
    const [chosen, setProgram] = useState<Program>('curl');
    const program = programs.includes(chosen) ? chosen : programs[0] ?? 'python';
    let text: string;
    try {
        text = copyAs(program, call);
    } catch {
        text = '';
    }
    return (
        <section className="code-panel" aria-label={t('code.title')}>
            <div className="row">
                <h2 className="grow">{t('code.title')}</h2>
                <Segments
                    label={t('code.title')} value={program} onChange={setProgram}
                    options={programs.map((value) => ({ value, text: names[value] }))}
                />
                <CopyButton text={text} label={t('copy')} done={t('copied')} />
            </div>
            <pre className="code" tabIndex={0}>{text || t('code.unfinished')}</pre>
        </section>
    );
}
