/** Forms of capabilities, their runs and results. */
export const playground = {
    'picker.title': 'Capabilities',
    'picker.search': 'Search',
    'picker.open': 'Choose a capability',
    'picker.none': 'Nothing matches.',
    'picker.version': 'Version',
    'picker.session': 'session: input and output are streams',
    'picker.failed': 'The capabilities cannot be listed',
    'picker.gone': '{name} cannot be shown',
    'picker.gone_hint': 'It may have been removed, or your key may not use it.',
    'picker.empty': 'No capability is published yet. Make one and serve it:',

    'history.title': 'Runs in this browser',
    'history.clear': 'Clear',
    'history.again': 'Run again',

    'media.choose': 'Choose a file',
    'media.drop': 'or drop it here',
    'media.record': 'Record',
    'media.stop': 'Stop',
    'media.recording': 'recording.wav',
    'media.remove': 'Remove {name}',
    'media.no_microphone': 'The microphone cannot be used',
    'media.insecure': 'browsers give it to pages of HTTPS or of this machine only',

    'live.start': 'Speak live',
    'live.title': 'Live microphone',
    'live.listening': 'Listening',
    'live.finish': 'Finish',

    'result.title': 'Result',
    'result.empty': 'The answer will stand here.',
    'result.job': 'Show the job',
    'result.usage': 'Usage',

    'phase.idle': 'not run',
    'phase.uploading': 'Uploading',
    'phase.waiting': 'Waiting',
    'phase.running': 'Running',
    'phase.done': 'Done',
    'phase.failed': 'Failed',
    'phase.stopped': 'Stopped',

    'timing.queue': 'Queue',
    'timing.first': 'First output',
    'timing.total': 'Total',
    'timing.tokens': 'Tokens',
    'timing.rate': 'Tokens/s',

    'code.title': 'As code',
    'code.unfinished': 'Finish the JSON above to see the call.',
} as const;
