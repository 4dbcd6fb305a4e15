import { useWords } from '../i18n';
import { Button } from '../ui/controls';
import { useTheme } from '../ui/theme';

/** Language and light or dark: the two choices that everybody may make, signed in or not. */
export function Toggles() {
    const { t, language, setLanguage } = useWords();
    const theme = useTheme();
    return (
        <div className="row toggles">
            <Button
                look="plain" lang={language === 'en' ? 'zh-CN' : 'en'}
                onClick={() => { setLanguage(language === 'en' ? 'zh' : 'en'); }}
            >
                {language === 'en' ? '中文' : 'English'}
            </Button>
            <Button
                look="plain" icon={theme.shown === 'dark' ? 'sun' : 'moon'} onClick={theme.toggle}
                aria-label={theme.shown === 'dark' ? t('theme.light') : t('theme.dark')}
                title={theme.shown === 'dark' ? t('theme.light') : t('theme.dark')}
            />
        </div>
    );
}
