/** Water on its way to the wheel. */
export function Logo({ small }: { small?: boolean }) {
    const size = small ? 24 : 40;
    const wave = 'c3.3 0 3.3-2.600 6.700-2.600s3.300 2.600 6.600 2.600 3.400-2.600 6.700-2.600';
    return (
        <svg className="logo" width={size} height={size} viewBox="0 0 32 32" role="img" aria-label="Headrace">
            <rect className="logo-ground" width="32" height="32" rx="8" />
            <path className="logo-wave" d={`M6 11.800${wave}M6 17.600${wave}M6 23.400${wave}`} />
        </svg>
    );
}
